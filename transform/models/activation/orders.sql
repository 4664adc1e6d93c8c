{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['shop_id', 'order_id'],
    on_schema_change='append_new_columns',
    full_refresh=false,
    contract={'enforced': true}
) }}
{#-
  What contacts bought or brought back, for those who agreed to marketing and to profiling: of nobody
  else a marketing tool has any business knowing it. The gate in target-shopcrm decides once more.
-#}
with people as (
    select profiles.shop_id, profiles.profile_id, profiles.email, profiles.phone
    from {{ ref('profiles') }} as profiles
    inner join {{ ref('current_contacts') }} as contacts
        on contacts.shop_id = profiles.shop_id and contacts.contact_id = profiles.profile_id
    where
        profiles.profiling_allowed
        and (profiles.email_marketing_allowed or profiles.sms_marketing_allowed)
),

lines as (
    select
        shop_id,
        order_id,
        jsonb_agg(jsonb_build_object(
            'product_id', product_id, 'name', line_name, 'quantity', quantity::text, 'net', net
        ) order by position) as lines
    from {{ ref('stg_order_lines') }}
    group by shop_id, order_id
),

current_orders as (
    select
        orders.shop_id,
        orders.order_id,
        orders.profile_id as contact_id,
        people.email,
        people.phone,
        orders.created_at as placed_at,
        orders.currency,
        staged.net,
        staged.total,
        lines.lines
    from {{ ref('profile_orders') }} as orders
    inner join people
        on people.shop_id = orders.shop_id and people.profile_id = orders.profile_id
    inner join {{ ref('stg_orders') }} as staged
        on staged.shop_id = orders.shop_id and staged.order_id = orders.order_id
    inner join lines
        on lines.shop_id = orders.shop_id and lines.order_id = orders.order_id
),

hashed as (
    select *, md5(to_jsonb(current_orders)::text) as row_hash from current_orders
)

select *, current_timestamp as changed_at from hashed
{{ unless_published('hashed', 'order_id') }}
