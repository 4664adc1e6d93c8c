{#-
  Each rule, a sentence with its SQL condition, is true for every row; null is not true.
  All rules of a model are read in one pass, and a failure names the rule.
-#}
{% test holds(model, rules) %}
select checked.rule, count(*) as broken_rows
from {{ model }} as model
cross join lateral (
    values
    {% for sentence, condition in rules.items() -%}
        ('{{ sentence | replace("'", "''") }}', ({{ condition }})){{ ',' if not loop.last }}
    {% endfor %}
) as checked (rule, is_true)
where checked.is_true is not true
group by checked.rule
{% endtest %}
