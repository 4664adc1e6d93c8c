{{ config(indexes=[{'columns': ['shop_id', 'profile_id'], 'unique': true}]) }}
{#-
  Recency, frequency, monetary: 5 is best. Equal customers score equally: a score is the fifth of the
  shop that a customer's value reaches, not a place in an arbitrary order. A shop with few profiled
  customers has no fifths; there fixed bounds decide, money against the shop's own median.
-#}
with profiles as (
    select
        profiles.*,
        greatest(shops.today - profiles.last_visit_on, 0) as recency_days,
        shops.today - profiles.first_visit_on as known_days,
        {{ missed_after_days('profiles') }} as missed_after_days,
        count(*) over (partition by profiles.shop_id) >= {{ var('rfm_minimum_customers') }} as has_fifths
    from {{ ref('profiles') }} as profiles
    inner join {{ ref('stg_shops') }} as shops on shops.shop_id = profiles.shop_id
    where profiles.profiling_allowed and profiles.is_active and profiles.visits > 0
),

middle as (
    select
        shop_id,
        percentile_cont(0.5) within group (order by lifetime_net)::numeric as median_net
    from profiles
    group by shop_id
),

scored as (
    select
        profiles.*,
        case
            when has_fifths then
                ceil(5 * cume_dist() over (partition by profiles.shop_id order by recency_days desc))
            else 5 - (recency_days > 14)::int - (recency_days > 30)::int
                - (recency_days > 60)::int - (recency_days > 120)::int
        end::int as recency,
        case
            when has_fifths then
                ceil(5 * cume_dist() over (partition by profiles.shop_id order by visits))
            else 1 + (visits >= 2)::int + (visits >= 3)::int
                + (visits >= 5)::int + (visits >= 10)::int
        end::int as frequency,
        case
            when has_fifths then
                ceil(5 * cume_dist() over (partition by profiles.shop_id order by lifetime_net))
            else 1 + (lifetime_net >= median_net / 2)::int + (lifetime_net >= median_net)::int
                + (lifetime_net >= median_net * 2)::int + (lifetime_net >= median_net * 4)::int
        end::int as monetary
    from profiles
    inner join middle on middle.shop_id = profiles.shop_id
)

select
    shop_id,
    profile_id,
    recency_days,
    visits,
    lifetime_net,
    recency,
    frequency,
    monetary,
    -- the first that fits; being missed is measured by the customer's own rhythm, not by others
    case
        when known_days <= {{ var('new_customer_days') }} then 'New'
        when recency_days >= missed_after_days and frequency >= 3 then 'At risk'
        when recency_days >= missed_after_days then 'Lost'
        when recency >= 4 and frequency >= 4 and monetary >= 4 then 'Champions'
        when recency >= 3 and frequency >= 4 then 'Loyal'
        when recency >= 4 then 'Promising'
        when frequency >= 3 then 'Needs attention'
        else 'Occasional'
    end as segment
from scored
