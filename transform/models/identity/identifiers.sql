{#-
  Everything that says who a customer record is. A record's own id is one of these, so a merge is an
  identifier like any other: the merged record also holds the id of the record it went into.
-#}
with customers as (
    select * from {{ ref('stg_customers') }}
),

-- A deleted or merged record keeps its history, but its addresses are no longer anybody's.
live as (
    select * from customers where is_live
),

accounts as (
    select accounts.*
    from {{ ref('stg_loyalty_accounts') }} as accounts
    inner join live using (shop_id, customer_id)
)

select shop_id, customer_id, 'customer' as kind, customer_id as identifier from customers
union
select shop_id, customer_id, 'customer', merged_into from customers where merged_into is not null
union
select shop_id, customer_id, 'loyalty', loyalty_id from live where loyalty_id is not null
union
select shop_id, customer_id, 'loyalty', loyalty_account_id from accounts
union
select shop_id, customer_id, 'email', email_normalised from live where email_normalised is not null
union
select shop_id, customer_id, 'phone', phone_e164 from live where phone_e164 is not null
