{#- Why the gate said so; in its own words too where there is no address, or no answer for it. -#}
{% macro reason_for(address, answer) -%}
    case
        when {{ address }} is null then 'invalid_address'
        else coalesce({{ answer }}.reason, 'no_event')
    end
{%- endmacro %}
