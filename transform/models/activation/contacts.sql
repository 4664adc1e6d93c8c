{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['shop_id', 'contact_id'],
    on_schema_change='append_new_columns',
    full_refresh=false,
    contract={'enforced': true},
    post_hook="{{ forget_vanished_contacts() }}"
) }}
{#-
  Only contacts that are new or say something else are written, so changed_at moves only with row_hash.
  A full refresh leaves this table alone: it would send every contact again.
-#}
with current_contacts as (
    select * from {{ ref('current_contacts') }}
)

select
    shop_id,
    contact_id,
    given_name,
    email,
    phone,
    segment,
    last_visit_on,
    visits,
    favourite_category,
    journey,
    journey_due_on,
    row_hash,
    current_timestamp as changed_at
from current_contacts
{{ unless_published('current_contacts', 'contact_id') }}
