{#- Every row whose columns are all known finds its row in another model. -#}
{% test refers_to(model, columns, to, to_columns) %}
select distinct {{ columns | join(', ') }}
from {{ model }} as child
where
    num_nulls({{ columns | join(', ') }}) = 0
    and not exists (
        select 1 from {{ to }} as parent
        where
        {% for column in columns -%}
            {{ 'and ' if not loop.first }}parent.{{ to_columns[loop.index0] }} = child.{{ column }}
        {% endfor %}
    )
{% endtest %}
