with source as (
    select * from {{ source('pos', 'locations') }}
),

renamed as (
    select
        ---------- ids
        shop_id,
        id as location_id,
        ---------- text
        name as location_name,
        timezone,
        currency,
        channel,
        ---------- booleans
        active as is_active,
        ---------- timestamps
        updated_at
    from source
)

select * from renamed
