with locations as (
    select * from {{ ref('stg_locations') }}
),

orders as (
    select
        shop_id,
        max(updated_at) as newest,
        mode() within group (order by currency) as currency
    from {{ ref('stg_orders') }}
    group by shop_id
),

events as (
    select shop_id, max(observed_at) as newest from {{ source('consent', 'events') }} group by shop_id
),

shops as (
    select shop_id from locations
    union
    select shop_id from orders
    union
    select distinct shop_id from {{ ref('stg_customers') }}
),

-- A shop's own time and money are those of most of its locations.
home as (
    select
        locations.shop_id,
        mode() within group (order by zones.name) as timezone,
        mode() within group (order by locations.currency) as currency
    from locations
    left join pg_timezone_names as zones on zones.name = locations.timezone
    group by locations.shop_id
),

clock as (
    select
        shops.shop_id,
        coalesce(home.timezone, 'UTC') as timezone,
        coalesce(home.currency, orders.currency) as currency,
        {% if var('as_of') %}
        '{{ var("as_of") }}'::timestamptz as as_of
        {% else %}
        greatest(current_timestamp, orders.newest, events.newest) as as_of
        {% endif %}
    from shops
    left join home on home.shop_id = shops.shop_id
    left join orders on orders.shop_id = shops.shop_id
    left join events on events.shop_id = shops.shop_id
)

select
    shop_id,
    timezone,
    currency,
    as_of,
    (as_of at time zone timezone)::date as today
from clock
