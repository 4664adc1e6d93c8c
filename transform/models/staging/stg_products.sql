with source as (
    select * from {{ source('pos', 'products') }}
),

renamed as (
    select
        ---------- ids
        shop_id,
        id as product_id,
        item_id,
        sku,
        barcode,
        ---------- text
        name as product_name,
        brand,
        -- the path is outermost first; a path shorter than the depth gives its innermost part
        category_path ->> (
            least({{ var('category_depth') }}, jsonb_array_length(category_path)) - 1
        )::int as category,
        currency,
        ---------- numerics (minor units)
        price,
        unit_cost,
        ---------- timestamps
        updated_at,
        deleted_at
    from source
)

select * from renamed
