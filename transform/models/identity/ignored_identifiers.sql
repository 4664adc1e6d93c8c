{#-
  The guard against merging strangers: a till's own phone number or an assistant's e-mail, typed in for
  everybody, is held by many records and proves nothing. A merge, which somebody made, always counts.
-#}
with identifiers as (
    select * from {{ ref('identifiers') }} where kind <> 'customer'
)

select
    shop_id,
    kind,
    identifier,
    count(*) as customers,
    {{ var('identity_max_profiles_per_identifier') }} as allowed_customers
from identifiers
group by shop_id, kind, identifier
having count(*) > {{ var('identity_max_profiles_per_identifier') }}
