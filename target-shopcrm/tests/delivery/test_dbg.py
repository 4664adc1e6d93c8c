import sys
sys.path.insert(0,'/work/main/target-shopcrm/tests/delivery')
from test_shadow import *
def test_x(crm):
    crm.tell(*contacts(crm))
    crm.fake.owner_adds(BEA["email"])
    crm.customers(crm.refuses("c1", **ADA), crm.refuses("c2", **BEA), crm.refuses("c3"))
    shadow(crm)
    print(fields(crm))
    print(crm.shop.ask("select shop_id, channel, address, purpose, allowed, reason from consent.verdicts"))
    print(crm.shop.ask("select key, field, verdict from sync.shadow"))
    print([ (r.method, r.path, r.body[:200]) for r in crm.fake.requests][-6:])
    assert 0
