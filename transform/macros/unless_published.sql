{#- Leaves out what was published before with the same row_hash, so that changed_at moves only with it. -#}
{% macro unless_published(current, key) -%}
    {% if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as sent
        where
            sent.shop_id = {{ current }}.shop_id
            and sent.{{ key }} = {{ current }}.{{ key }}
            and sent.row_hash = {{ current }}.row_hash
    )
    {% endif %}
{%- endmacro %}
