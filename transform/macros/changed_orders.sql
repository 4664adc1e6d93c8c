{#-
  The register's orders that stg_orders has taken over and this model has not, or no more. The JSON is
  read only where the register still says what stg_orders took: an order that changes while dbt runs
  waits for the next run instead of making two models disagree.
-#}
{% macro changed_orders() -%}
    select register.*
    from {{ ref('stg_orders') }} as orders
    inner join {{ source('pos', 'orders') }} as register
        on
            register.shop_id = orders.shop_id
            and register.id = orders.order_id
            and register.written_at = orders.written_at
    {% if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as kept
        where
            kept.shop_id = orders.shop_id
            and kept.order_id = orders.order_id
            and kept.position = 1
    )
    {% endif %}
{%- endmacro %}
