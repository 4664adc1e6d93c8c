with visits as (
    select * from {{ ref('profile_orders') }} where is_visit and visit_number <= 2
),

customers as (
    select
        shop_id,
        profile_id,
        count(*) = 2 as came_back,
        max(business_date) - min(business_date) as days_to_second_order
    from visits
    group by shop_id, profile_id
)

select
    shop_id,
    count(*) as customers,
    count(*) filter (where came_back) as returning_customers,
    round(count(*) filter (where came_back)::numeric / count(*), 4) as repeat_rate,
    percentile_cont(0.5) within group (order by days_to_second_order)
        filter (where came_back)::numeric as median_days_to_second_order
from customers
group by shop_id
