{#- Of those who first bought in a month, how many bought again so many months later. -#}
with visits as (
    select
        *,
        date_trunc('month', min(business_date) over (partition by shop_id, profile_id))::date
            as cohort_month,
        date_trunc('month', business_date)::date as visit_month
    from {{ ref('profile_orders') }}
    where is_visit
),

months as (
    select
        *,
        (12 * (extract(year from visit_month) - extract(year from cohort_month))
            + extract(month from visit_month) - extract(month from cohort_month))::int as months_since
    from visits
),

active as (
    select
        shop_id,
        cohort_month,
        months_since,
        count(distinct profile_id) as active_customers
    from months
    group by shop_id, cohort_month, months_since
)

select
    *,
    -- everybody who first bought in a month was active in it
    first_value(active_customers) over (
        partition by shop_id, cohort_month order by months_since
    ) as cohort_customers
from active
