{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['shop_id', 'cue_id'],
    on_schema_change='append_new_columns',
    full_refresh=false,
    contract={'enforced': true}
) }}
{#- Hints for staff about regulars who stay away; they are for the shop, and never sent to the person. -#}
with missed as (
    select due.shop_id, due.profile_id, due.occasion_on, due.due_on
    from {{ ref('win_back') }} as due
    inner join {{ ref('stg_shops') }} as shops on shops.shop_id = due.shop_id
    where shops.today between due.due_on and due.closes_on
),

current_cues as (
    select
        missed.shop_id,
        'win_back:' || missed.profile_id || ':' || missed.occasion_on as cue_id,
        missed.profile_id as contact_id,
        profiles.email,
        profiles.phone,
        'Has not been in since ' || missed.occasion_on
        || coalesce('; usually buys ' || (profiles.favourite_categories ->> 0), '')
        || '. Say hello at the next visit.' as text,
        missed.due_on
    from missed
    inner join {{ ref('profiles') }} as profiles
        on profiles.shop_id = missed.shop_id and profiles.profile_id = missed.profile_id
    inner join {{ ref('contacts') }} as contacts
        on contacts.shop_id = missed.shop_id and contacts.contact_id = missed.profile_id
    where
        profiles.profiling_allowed
        and (profiles.email_marketing_allowed or profiles.sms_marketing_allowed)
),

hashed as (
    select *, md5(to_jsonb(current_cues)::text) as row_hash from current_cues
)

select *, current_timestamp as changed_at from hashed
{{ unless_published('hashed', 'cue_id') }}
