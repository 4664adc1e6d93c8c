{{ config(severity='warn') }}
-- What was charged is what was paid. A refund counts only where the order itself takes goods back:
-- registers also hang refunds on the sale, whose total then stays what it was. It warns, because a
-- register may close an order on account, and that is the shop's business.
with paid as (
    select
        shop_id,
        order_id,
        sum(amount) filter (where kind = 'payment') as payments,
        sum(amount) as payments_less_refunds
    from {{ ref('stg_payments') }}
    where state = 'completed'
    group by shop_id, order_id
)

select orders.shop_id, orders.order_id, orders.total, paid.payments_less_refunds
from {{ ref('stg_orders') }} as orders
inner join paid using (shop_id, order_id)
where
    orders.state = 'completed'
    and orders.total is distinct from case
        when orders.return_lines > 0 then paid.payments_less_refunds else paid.payments
    end
