{#- Every row whose columns are all known finds its row in another model.
    `tolerated_share` of the known references may find none: a register's search shows new
    profiles late and some, made from a card alone, never. -#}
{% test refers_to(model, columns, to, to_columns, tolerated_share=0) %}
with known as (
    select distinct {{ columns | join(', ') }}
    from {{ model }}
    where num_nulls({{ columns | join(', ') }}) = 0
),

lost as (
    select known.*
    from known
    where not exists (
        select 1 from {{ to }} as parent
        where
        {% for column in columns -%}
            {{ 'and ' if not loop.first }}parent.{{ to_columns[loop.index0] }} = known.{{ column }}
        {% endfor %}
    )
)

select * from lost
where (select count(*) from lost) > {{ tolerated_share }} * (select count(*) from known)
{% endtest %}
