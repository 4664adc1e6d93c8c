{{ config(materialized='view') }}
{#-
  What a relationship tool would have to know about each reachable profile, and nothing more: no family
  name, no postal address, no birthday, no amounts. The gate in target-shopcrm decides what may go.
-#}
with profiles as (
    select * from {{ ref('profiles') }}
    where is_active and num_nonnulls(email, phone) > 0
),

journeys as (
    select distinct on (shop_id, profile_id) shop_id, profile_id, journey, due_on
    from {{ ref('due') }}
    order by shop_id, profile_id, due_on desc, journey
),

minimised as (
    select
        profiles.shop_id,
        profiles.profile_id as contact_id,
        profiles.given_name,
        profiles.email,
        profiles.phone,
        segments.segment,
        profiles.last_visit_on,
        profiles.visits,
        profiles.favourite_categories ->> 0 as favourite_category,
        journeys.journey,
        journeys.due_on as journey_due_on
    from profiles
    left join {{ ref('rfm') }} as segments using (shop_id, profile_id)
    left join journeys using (shop_id, profile_id)
)

select *, md5(to_jsonb(minimised)::text) as row_hash from minimised
