{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ forget_changed_orders(ref('stg_orders'), 'order_id') }}",
    indexes=[{'columns': ['shop_id', 'order_id', 'position'], 'unique': true}]
) }}

with source as (
    {{ changed_orders() }}
),

renamed as (
    select
        ---------- ids
        source.shop_id,
        source.id as order_id,
        payment.id as payment_id,
        ---------- text
        payment.kind,
        payment.method,
        payment.state,
        ---------- numerics (minor units; a refund is negative)
        payment.position,
        payment.amount,
        payment.tip,
        ---------- timestamps
        payment.created_at,
        payment.updated_at,
        source.written_at
    from source
    cross join lateral rows from (
        jsonb_to_recordset(source.payments) as (
            id text, kind text, method text, state text, amount bigint, tip bigint,
            created_at timestamptz, updated_at timestamptz
        )
    ) with ordinality as payment (
        id, kind, method, state, amount, tip, created_at, updated_at, position
    )
)

select * from renamed
