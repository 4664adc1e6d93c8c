{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ forget_changed_orders(source('pos', 'orders'), 'id') }}",
    indexes=[
        {'columns': ['shop_id', 'order_id'], 'unique': true},
        {'columns': ['shop_id', 'customer_id']},
    ]
) }}

with source as (
    select * from {{ source('pos', 'orders') }} as orders
    {% if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as kept
        where kept.shop_id = orders.shop_id and kept.order_id = orders.id
    )
    {% endif %}
),

renamed as (
    select
        ---------- ids
        source.shop_id,
        source.id as order_id,
        source.location_id,
        source.customer_id,
        source.employee_id,
        source.receipt_number,
        ---------- text
        source.channel,
        source.state,
        source.currency,
        ---------- numerics (minor units; what is returned is negative)
        source.gross,
        source.discount,
        source.tax,
        source.tip,
        source.service_charge,
        source.net,
        source.total,
        line_totals.sale_lines,
        line_totals.return_lines,
        line_totals.sale_gross,
        line_totals.sale_discount,
        line_totals.sale_net,
        line_totals.return_net,
        ---------- timestamps
        source.business_date,
        source.created_at,
        source.updated_at,
        source.closed_at,
        source.written_at
    from source
    cross join lateral (
        select
            count(*) filter (where line.kind = 'sale') as sale_lines,
            count(*) filter (where line.kind = 'return') as return_lines,
            {{ line_total('gross', 'sale') }} as sale_gross,
            {{ line_total('discount', 'sale') }} as sale_discount,
            {{ line_total('net', 'sale') }} as sale_net,
            {{ line_total('net', 'return') }} as return_net
        from jsonb_to_recordset(source.lines)
            as line (kind text, gross bigint, discount bigint, net bigint)
    ) as line_totals
)

select * from renamed
