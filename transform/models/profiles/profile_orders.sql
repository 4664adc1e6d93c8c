{{ config(indexes=[{'columns': ['shop_id', 'order_id'], 'unique': true}]) }}
{#-
  Every completed order of a known customer. Built anew each time, because a merge or a late order
  changes who bought what, and which visit was the first, for rows long past.
-#}
with orders as (
    select * from {{ ref('stg_orders') }} where state = 'completed'
),

owners as (
    select * from {{ ref('customer_profiles') }}
),

-- A return often names nobody; the sale that it takes back does.
returned_sales as (
    select distinct on (returns.shop_id, returns.order_id)
        returns.shop_id,
        returns.order_id,
        owners.profile_id
    from {{ ref('stg_returns') }} as returns
    inner join {{ ref('stg_orders') }} as sales
        on sales.shop_id = returns.shop_id and sales.order_id = returns.source_order_id
    inner join owners
        on owners.shop_id = sales.shop_id and owners.customer_id = sales.customer_id
    order by returns.shop_id, returns.order_id, returns.line_id
),

known as (
    select
        orders.shop_id,
        orders.order_id,
        coalesce(owners.profile_id, returned_sales.profile_id) as profile_id,
        case when owners.profile_id is null then 'returned_sale' else 'customer' end as known_by,
        orders.location_id,
        orders.currency,
        orders.sale_net,
        orders.return_net,
        orders.return_lines,
        orders.sale_lines > 0 as is_visit,
        orders.business_date,
        orders.created_at
    from orders
    left join owners
        on owners.shop_id = orders.shop_id and owners.customer_id = orders.customer_id
    left join returned_sales
        on returned_sales.shop_id = orders.shop_id and returned_sales.order_id = orders.order_id
)

select
    *,
    case when is_visit then row_number() over (
        partition by shop_id, profile_id, is_visit order by business_date, created_at, order_id
    ) end as visit_number
from known
where profile_id is not null
