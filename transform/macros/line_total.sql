{#- An amount summed over an order's lines of one kind; an order without such lines has 0 of it. -#}
{% macro line_total(amount, kind) -%}
    coalesce(sum(line.{{ amount }}) filter (where line.kind = '{{ kind }}'), 0)::bigint
{%- endmacro %}
