{{ config(indexes=[{'columns': ['shop_id', 'business_date']}]) }}
{#-
  Built anew from stg_orders, which is incremental and narrow: an order that moves to another day, or is
  cancelled, then leaves its old day by itself.
-#}
with orders as (
    select * from {{ ref('stg_orders') }} where state = 'completed'
),

known as (
    select shop_id, order_id from {{ ref('profile_orders') }}
)

select
    ---------- key
    orders.shop_id,
    coalesce(orders.location_id, 'unknown') as location_id,
    orders.business_date,
    orders.currency,
    ---------- counts; an order that only takes goods back is no sale
    count(*) filter (where orders.sale_lines > 0) as orders,
    count(*) filter (where orders.sale_lines > 0 and known.order_id is null) as anonymous_orders,
    round(
        count(*) filter (where orders.sale_lines > 0 and known.order_id is null)::numeric
        / nullif(count(*) filter (where orders.sale_lines > 0), 0), 4
    ) as anonymous_share,
    ---------- amounts in minor units: net = gross - discount + returns
    sum(orders.sale_gross)::bigint as gross,
    sum(orders.sale_discount)::bigint as discount,
    sum(orders.return_net)::bigint as returns,
    sum(orders.net)::bigint as net,
    sum(orders.tax)::bigint as tax,
    sum(orders.tip)::bigint as tip
from orders
left join known on known.shop_id = orders.shop_id and known.order_id = orders.order_id
group by orders.shop_id, coalesce(orders.location_id, 'unknown'), orders.business_date, orders.currency
