{#- The three categories that were in most of a profile's baskets. Only where profiling is allowed. -#}
with profiled as (
    select shop_id, profile_id from {{ ref('permissions') }} where profiling_allowed
),

bought as (
    select distinct orders.shop_id, orders.profile_id, orders.order_id, products.category
    from {{ ref('profile_orders') }} as orders
    inner join profiled using (shop_id, profile_id)
    inner join {{ ref('stg_order_lines') }} as lines
        on lines.shop_id = orders.shop_id and lines.order_id = orders.order_id and lines.kind = 'sale'
    inner join {{ ref('stg_products') }} as products
        on products.shop_id = lines.shop_id and products.product_id = lines.product_id
    where orders.is_visit and products.category is not null
),

counted as (
    select
        shop_id,
        profile_id,
        category,
        count(*) as baskets,
        row_number() over (
            partition by shop_id, profile_id order by count(*) desc, category
        ) as place
    from bought
    group by shop_id, profile_id, category
)

select * from counted where place <= 3
