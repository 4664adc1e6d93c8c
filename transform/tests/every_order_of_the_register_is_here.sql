-- What the register said before this run began is in staging, in that version and with all its lines.
-- A minute is left for a write that was under way when dbt looked.
select register.shop_id, register.id as order_id, register.written_at
from {{ source('pos', 'orders') }} as register
left join {{ ref('stg_orders') }} as orders
    on
        orders.shop_id = register.shop_id
        and orders.order_id = register.id
        and orders.written_at = register.written_at
where
    register.written_at < '{{ run_started_at }}'::timestamptz - interval '1 minute'
    and jsonb_array_length(register.lines)
    is distinct from orders.sale_lines + orders.return_lines
