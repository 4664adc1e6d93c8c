-- Days add up to the orders, and people with the anonymous baskets add up to them too.
with orders as (
    select
        shop_id,
        count(*) filter (where sale_lines > 0) as orders,
        sum(net) as net
    from {{ ref('stg_orders') }}
    where state = 'completed'
    group by shop_id
),

days as (
    select
        shop_id,
        sum(orders) as orders,
        sum(net) as net,
        sum(anonymous_orders) as anonymous_orders
    from {{ ref('daily_sales') }}
    group by shop_id
),

people as (
    select shop_id, sum(visits) as visits from {{ ref('profiles') }} group by shop_id
)

select orders.shop_id, orders.net, days.net as net_of_days, people.visits, days.anonymous_orders
from orders
left join days using (shop_id)
left join people using (shop_id)
where
    (orders.orders, orders.net) is distinct from (days.orders, days.net)
    or days.orders <> days.anonymous_orders + coalesce(people.visits, 0)
