{#- A folder's schema is its plain name: `identity`, not `staging_identity`. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
