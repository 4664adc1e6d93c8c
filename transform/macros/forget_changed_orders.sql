{#-
  Runs before an incremental model of order facts, in the same transaction. Rows of an order that
  has changed or is gone since leave the model; the model then adds what the order says now. An order
  is known by its key and by `written_at`, the moment the target last wrote it: not by a high-water
  mark, so a late order, or a write that was committed late, is never missed.
-#}
{% macro forget_changed_orders(orders, order_id) -%}
    {% if is_incremental() %}
    delete from {{ this }} as kept
    where not exists (
        select 1 from {{ orders }} as orders
        where
            orders.shop_id = kept.shop_id
            and orders.{{ order_id }} = kept.order_id
            and orders.written_at = kept.written_at
    )
    {% endif %}
{%- endmacro %}
