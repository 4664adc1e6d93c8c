with source as (
    select * from {{ ref('stg_order_lines') }}
),

renamed as (
    select
        ---------- ids
        shop_id,
        order_id,
        line_id,
        product_id,
        source_order_id,
        source_line_id,
        ---------- numerics (minor units, negative; quantity positive)
        quantity,
        gross,
        discount,
        tax,
        net
    from source
    where kind = 'return'
)

select * from renamed
