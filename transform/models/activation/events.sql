{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['shop_id', 'event_id'],
    on_schema_change='append_new_columns',
    full_refresh=false,
    contract={'enforced': true}
) }}
{#-
  Occasions to write to a contact: one row for each journey that is due, named by its occasion, so that
  whoever reads it acts on it once. It expires when the journey closes.
-#}
with due as (
    select distinct shop_id, profile_id, journey, occasion_on, due_on, closes_on
    from {{ ref('due') }}
    where allowed
),

current_events as (
    select
        due.shop_id,
        due.journey || ':' || due.profile_id || ':' || due.occasion_on as event_id,
        due.profile_id as contact_id,
        contacts.email,
        contacts.phone,
        due.journey as name,
        due.due_on::timestamp at time zone shops.timezone as occurred_at,
        (due.closes_on + 1)::timestamp at time zone shops.timezone as expires_at,
        jsonb_build_object('occasion_on', due.occasion_on, 'due_on', due.due_on) as properties
    from due
    inner join {{ ref('contacts') }} as contacts
        on contacts.shop_id = due.shop_id and contacts.contact_id = due.profile_id
    inner join {{ ref('stg_shops') }} as shops on shops.shop_id = due.shop_id
),

hashed as (
    select *, md5(to_jsonb(current_events)::text) as row_hash from current_events
)

select *, current_timestamp as changed_at from hashed
{{ unless_published('hashed', 'event_id') }}
