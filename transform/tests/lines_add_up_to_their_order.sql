{{ config(severity='warn') }}
-- An order's amounts are the sums of its lines, and so are what it sold and what it took back.
-- It warns: one odd order is no reason to thank nobody today.
with lines as (
    select
        shop_id,
        order_id,
        sum(gross) as gross,
        sum(discount) as discount,
        sum(net) as net,
        count(*) as lines,
        coalesce(sum(net) filter (where kind = 'sale'), 0) as sale_net
    from {{ ref('stg_order_lines') }}
    group by shop_id, order_id
)

select orders.shop_id, orders.order_id, orders.net, lines.net as net_of_lines
from {{ ref('stg_orders') }} as orders
inner join lines using (shop_id, order_id)
where
    (orders.gross, orders.discount, orders.net)
    is distinct from (lines.gross, lines.discount, lines.net)
    or orders.sale_lines + orders.return_lines <> lines.lines
    or orders.sale_net <> lines.sale_net
