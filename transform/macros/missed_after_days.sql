{#-
  After how many days without a visit a customer is missed: their own rhythm where we may know it,
  and never sooner than `win_back_minimum_days`.
-#}
{% macro missed_after_days(profiles) -%}
    greatest(
        {{ var('win_back_minimum_days') }},
        ceil({{ var('win_back_gap_multiple') }} * coalesce({{ profiles }}.usual_gap_days, 0))
    )::int
{%- endmacro %}
