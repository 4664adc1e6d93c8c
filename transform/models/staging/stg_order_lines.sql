{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ forget_changed_orders(ref('stg_orders'), 'order_id') }}",
    indexes=[
        {'columns': ['shop_id', 'order_id', 'position'], 'unique': true},
        {'columns': ['shop_id', 'source_order_id']},
    ]
) }}

with source as (
    {{ changed_orders() }}
),

renamed as (
    select
        ---------- ids
        source.shop_id,
        source.id as order_id,
        line.id as line_id,
        line.product_id,
        link.source_order_id,
        link.source_line_id,
        ---------- text
        line.kind,
        line.name as line_name,
        ---------- numerics (minor units; what is returned is negative, its quantity positive)
        line.position,
        line.quantity,
        line.unit_price,
        line.gross,
        line.discount,
        line.tax,
        line.net,
        line.unit_cost,
        ---------- timestamps
        source.written_at
    from source
    cross join lateral rows from (
        jsonb_to_recordset(source.lines) as (
            id text, kind text, product_id text, name text, quantity numeric, unit_price bigint,
            gross bigint, discount bigint, tax bigint, net bigint, unit_cost bigint
        )
    ) with ordinality as line (
        id, kind, product_id, name, quantity, unit_price,
        gross, discount, tax, net, unit_cost, position
    )
    left join lateral (
        select returned.source_order_id, returned.source_line_id
        from jsonb_to_recordset(source.returns) as returned (
            line_id text, source_order_id text, source_line_id text
        )
        where returned.line_id = line.id
        limit 1
    ) as link on line.kind = 'return'
)

select * from renamed
