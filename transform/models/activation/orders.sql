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
    select contacts.shop_id, contacts.contact_id, contacts.email, contacts.phone
    from {{ ref('contacts') }} as contacts
    inner join {{ ref('profiles') }} as profiles
        on profiles.shop_id = contacts.shop_id and profiles.profile_id = contacts.contact_id
    where
        profiles.profiling_allowed
        and (profiles.email_marketing_allowed or profiles.sms_marketing_allowed)
),

current_orders as (
    select
        orders.shop_id,
        orders.order_id,
        people.contact_id,
        people.email,
        people.phone,
        orders.created_at as placed_at,
        orders.currency,
        staged.net,
        staged.total,
        jsonb_agg(jsonb_build_object(
            'product_id', lines.product_id,
            'name', lines.line_name,
            'quantity', lines.quantity::text,
            'net', lines.net
        ) order by lines.position) as lines
    from {{ ref('profile_orders') }} as orders
    inner join people
        on people.shop_id = orders.shop_id and people.contact_id = orders.profile_id
    inner join {{ ref('stg_orders') }} as staged
        on staged.shop_id = orders.shop_id and staged.order_id = orders.order_id
    inner join {{ ref('stg_order_lines') }} as lines
        on lines.shop_id = orders.shop_id and lines.order_id = orders.order_id
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
),

hashed as (
    select *, md5(to_jsonb(current_orders)::text) as row_hash from current_orders
)

select *, current_timestamp as changed_at from hashed
{{ unless_published('hashed', 'order_id') }}
