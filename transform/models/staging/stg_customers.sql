{{ config(
    indexes=[{'columns': ['shop_id', 'customer_id'], 'unique': true}]
) }}

with source as (
    select * from {{ source('pos', 'customers') }}
),

renamed as (
    select
        ---------- ids
        shop_id,
        id as customer_id,
        merged_into,
        reference_id,
        loyalty_id,
        ---------- text
        given_name,
        family_name,
        email_normalised,
        phone_e164,
        birthday,
        ---------- booleans
        deleted_at is null and merged_into is null as is_live,
        ---------- timestamps
        created_at,
        updated_at,
        deleted_at
    from source
)

select * from renamed
