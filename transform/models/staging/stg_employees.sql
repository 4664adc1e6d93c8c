with source as (
    select * from {{ source('pos', 'employees') }}
),

renamed as (
    select
        ---------- ids
        shop_id,
        id as employee_id,
        location_ids,
        ---------- text
        display_name,
        ---------- booleans
        active as is_active,
        ---------- timestamps
        updated_at
    from source
)

select * from renamed
