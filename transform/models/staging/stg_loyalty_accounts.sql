with source as (
    select * from {{ source('pos', 'loyalty_accounts') }}
),

renamed as (
    select
        ---------- ids
        shop_id,
        id as loyalty_account_id,
        customer_id,
        program_id,
        ---------- numerics (points)
        balance,
        ---------- timestamps
        enrolled_at,
        updated_at
    from source
)

select * from renamed
