{#- A detail of a person as the shop last heard it: from the live record updated last that has it. -#}
{% macro latest(column) -%}
    (array_agg(
        customers.{{ column }} order by customers.updated_at desc nulls last, customers.customer_id
    ) filter (where customers.is_live and customers.{{ column }} is not null))[1]
{%- endmacro %}
