{#-
  `dbt run-operation fingerprint` prints one line for each table and view: its rows and a digest of
  their contents. Two builds that should agree, incremental and full refresh, are compared with it.
  When something was read or changed is left out: that may differ.
-#}
{% macro fingerprint() %}
{% set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') %}
{% for model in models | sort(attribute='unique_id') %}
    {% set relation = model.schema ~ '.' ~ model.name %}
    {% set digest = run_query(
        "select count(*), md5(string_agg(digest, '' order by digest)) from ("
        ~ "select md5((to_jsonb(fact) - 'as_of' - 'changed_at')::text) as digest from "
        ~ relation ~ " as fact) as digests"
    ).rows[0] %}
    {% do print(relation ~ ' ' ~ digest[0] ~ ' ' ~ digest[1]) %}
{% endfor %}
{% endmacro %}
