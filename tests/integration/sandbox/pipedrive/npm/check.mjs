// Drives a running Pipedrive sandbox with the vendor's own client, unchanged.
// Usage: node check.mjs <origin>. Prints one line per check; ends with status 1 at the first that fails.
import assert from 'node:assert/strict';
import * as v1 from 'pipedrive/v1';
import * as v2 from 'pipedrive/v2';

const origin = process.argv[2];
const apiKey = 'sandbox-api-token';
const configuration2 = new v2.Configuration({ apiKey, basePath: `${origin}/api/v2` });
const configuration1 = new v1.Configuration({ apiKey, basePath: `${origin}/api/v1` });
const api2 = (name) => new v2[name](configuration2);
const api1 = (name) => new v1[name](configuration1);

async function check(name, action) {
  await action();
  console.log(`ok ${name}`);
}

async function refused(promise) {
  try {
    await promise;
  } catch (body) {
    return body;
  }
  return assert.fail('the call was expected to be refused');
}

const deals = api2('DealsApi');
const known = {};

await check('fields and options', async () => {
  const fields = api2('DealFieldsApi');
  const number = await fields.addDealField({ AddDealFieldRequest: { field_name: 'ERP order', field_type: 'varchar' } });
  assert.match(number.data.field_code, /^[0-9a-f]{40}$/);
  const state = await fields.addDealField({
    AddDealFieldRequest: { field_name: 'State', field_type: 'enum', options: [{ label: 'Ordered' }] },
  });
  const code = state.data.field_code;
  const added = await fields.addDealFieldOptions({
    field_code: code, AddDealFieldOptionsRequestInner: [{ label: 'Shipped' }],
  });
  const id = added.data[0].id;
  await fields.updateDealFieldOptions({
    field_code: code, UpdateDealFieldOptionsRequestInner: [{ id, label: 'Sent' }],
  });
  let field = await fields.getDealField({ field_code: code });
  assert.deepEqual(field.data.options.map((option) => option.label), ['Ordered', 'Sent']);
  await fields.deleteDealFieldOptions({ field_code: code, DeleteDealFieldOptionsRequestInner: [{ id }] });
  field = await fields.getDealField({ field_code: code });
  assert.equal(field.data.options.length, 1);
  known.number = number.data.field_code;
  known.state = code;
  known.ordered = field.data.options[0].id;
  const listed = await fields.getDealFields({ limit: 500 });
  assert.ok(listed.data.some((item) => item.field_code === known.number && item.is_custom_field));
  const old = await api1('DealFieldsApi').getDealFields({});
  assert.ok(old.data.some((item) => item.key === known.number && item.edit_flag));
});

await check('organizations, persons, products', async () => {
  const organization = await api2('OrganizationsApi').addOrganization({
    AddOrganizationRequest: { name: 'Berg AS', address: { value: 'Storgata 1, Oslo' } },
  });
  known.organization = organization.data.id;
  assert.equal(organization.data.address.country, null);
  const person = await api2('PersonsApi').addPerson({
    AddPersonRequest: { name: 'Ada Berg', org_id: known.organization, emails: [{ value: 'ada@example.com' }] },
  });
  known.person = person.data.id;
  assert.deepEqual(person.data.emails, [{ value: 'ada@example.com', primary: true, label: 'work' }]);
  const product = await api2('ProductsApi').addProduct({
    AddProductRequest: { name: 'Valve', code: 'V-1', prices: [{ currency: 'EUR', price: 22 }] },
  });
  known.product = product.data.id;
  const renamed = await api2('ProductsApi').updateProduct({ id: known.product, UpdateProductRequest: { unit: 'pcs' } });
  assert.equal(renamed.data.unit, 'pcs');
  assert.equal(renamed.data.prices[0].price, 22);
});

await check('create, get, update and delete a deal', async () => {
  const created = await deals.addDeal({
    AddDealRequest: {
      title: 'Pump station', value: 1200.5, currency: 'EUR', person_id: known.person, org_id: known.organization,
      custom_fields: { [known.number]: 'ERP-000123', [known.state]: known.ordered },
    },
  });
  known.deal = created.data.id;
  const got = await deals.getDeal({ id: known.deal, include_option_labels: true, include_fields: 'products_count' });
  assert.equal(got.data.custom_fields[known.number], 'ERP-000123');
  assert.deepEqual(got.data.custom_fields[known.state], { id: known.ordered, label: 'Ordered' });
  assert.equal(got.data.products_count, 0);
  const won = await deals.updateDeal({ id: known.deal, UpdateDealRequest: { status: 'won' } });
  assert.ok(won.data.won_time);
  const other = await deals.addDeal({ AddDealRequest: { title: 'Short-lived' } });
  assert.deepEqual((await deals.deleteDeal({ id: other.data.id })).data, { id: other.data.id });
});

await check('errors reject with the body', async () => {
  const unknown = await refused(deals.addDeal({ AddDealRequest: { title: 'x', foo: 1 } }));
  assert.equal(unknown.code, 'ERR_SCHEMA_VALIDATION_FAILED');
  assert.match(unknown.error, /^Validation failed: foo: Parameter 'foo' is not allowed for this request$/);
  const missing = await refused(deals.getDeal({ id: 999999 }));
  assert.equal(missing.success, false);
  const stranger = new v2.Configuration({ apiKey: 'no such token', basePath: `${origin}/api/v2` });
  assert.equal((await refused(new v2.DealsApi(stranger).getDeals({}))).errorCode, 401);
});

await check('paging by cursor', async () => {
  for (let position = 0; position < 7; position += 1) {
    await deals.addDeal({ AddDealRequest: { title: `Page ${position}` } });
  }
  const ids = [];
  let cursor;
  do {
    const page = await deals.getDeals({ limit: 3, cursor, sort_by: 'update_time', sort_direction: 'desc' });
    ids.push(...page.data.map((deal) => deal.id));
    cursor = page.additional_data.next_cursor;
  } while (cursor);
  assert.equal(ids.length, 8);
  assert.equal(new Set(ids).size, 8);
  const chosen = await deals.getDeals({ ids: `${ids[0]},${ids[1]},424242` });
  assert.equal(chosen.data.length, 2);
});

await check('deal products', async () => {
  const lines = api2('DealProductsApi');
  const line = await lines.addDealProduct({
    id: known.deal,
    AddDealProductRequest: {
      product_id: known.product, item_price: 22, quantity: 5, discount: 10, tax: 20, tax_method: 'inclusive',
    },
  });
  assert.equal(line.data.sum, 99);
  const more = await lines.addManyDealProducts({
    id: known.deal,
    CreateManyDealProductRequest: { data: [{ product_id: known.product, item_price: 1, quantity: 1 }] },
  });
  assert.equal(more.data[0].tax_method, 'inclusive');
  assert.equal((await deals.getDeal({ id: known.deal })).data.value, 100);
  await lines.updateDealProduct({
    id: known.deal, product_attachment_id: line.data.id, UpdateDealProductRequest: { quantity: 10 },
  });
  const listed = await lines.getDealsProducts({ deal_ids: [known.deal, 424242] });
  assert.deepEqual(listed.data.map((item) => item.sum), [198, 1]);
  const discount = await deals.postAdditionalDiscount({
    id: known.deal, AddAdditionalDiscountRequestBody: { description: 'Loyal', amount: 9, type: 'amount' },
  });
  assert.equal((await deals.getDeal({ id: known.deal })).data.value, 190);
  assert.equal((await deals.getAdditionalDiscounts({ id: known.deal })).data[0].id, discount.data.id);
  await lines.deleteManyDealProducts({ id: known.deal, ids: String(more.data[0].id) });
  assert.equal((await lines.getDealProducts({ id: known.deal })).data.length, 1);
});

await check('search', async () => {
  const items = api2('ItemSearchApi');
  const exact = await items.searchItemByField({
    term: 'ERP-000123', entity_type: 'deal', field: known.number, match: 'exact',
  });
  assert.deepEqual(exact.data, [{ id: known.deal, name: 'Pump station' }]);
  const mixed = await items.searchItem({ term: 'berg', item_types: 'person,organization' });
  assert.equal(mixed.data.items.length, 2);
  const found = await api2('PersonsApi').searchPersons({ term: 'ada@example.com', fields: 'email', exact_match: true });
  assert.equal(found.data.items[0].item.id, known.person);
});

await check('pipelines and stages', async () => {
  const pipeline = await api2('PipelinesApi').addPipeline({ AddPipelineRequest: { name: 'Service' } });
  const stage = await api2('StagesApi').addStage({ AddStageRequest: { name: 'New', pipeline_id: pipeline.data.id } });
  assert.equal((await api2('StagesApi').getStages({ pipeline_id: pipeline.data.id })).data[0].id, stage.data.id);
});

await check('activities', async () => {
  const activity = await api2('ActivitiesApi').addActivity({
    AddActivityRequest: {
      subject: 'Check order', type: 'task', deal_id: known.deal, participants: [{ person_id: known.person, primary: true }],
    },
  });
  assert.equal(activity.data.person_id, known.person);
  const done = await api2('ActivitiesApi').updateActivity({ id: activity.data.id, AddActivityRequest: { done: true } });
  assert.ok(done.data.marked_as_done_time);
});

await check('v1: users, currencies, notes, recents, merge, files', async () => {
  const me = await api1('UsersApi').getCurrentUser();
  assert.equal(me.data.company_domain, 'sandbox');
  assert.ok((await api1('CurrenciesApi').getCurrencies({ term: 'eur' })).data.length >= 1);
  const note = await api1('NotesApi').addNote({
    AddNoteRequest: { content: '<p>created</p>', deal_id: known.deal, pinned_to_deal_flag: 1 },
  });
  await api1('NotesApi').updateNote({ id: note.data.id, NoteRequest: { content: '<p>changed</p>' } });
  assert.equal((await api1('NotesApi').getNotes({ deal_id: known.deal })).data[0].content, '<p>changed</p>');
  const recent = await api1('RecentsApi').getRecents({ since_timestamp: '2020-01-01 00:00:00', items: 'note' });
  assert.equal(recent.data[0].item, 'note');
  const twin = await api2('OrganizationsApi').addOrganization({ AddOrganizationRequest: { name: 'Berg A/S' } });
  const merged = await api1('OrganizationsApi').mergeOrganizations({
    id: twin.data.id, MergeOrganizationsRequest: { merge_with_id: known.organization },
  });
  assert.equal(merged.data.id, known.organization);
  const file = await api1('FilesApi').addFile({ file: Buffer.from('hello'), deal_id: known.deal });
  assert.equal(file.data.file_size, 5);
  const old = await api1('DealFieldsApi').addDealField({ CreateFieldRequest: { name: 'Old', field_type: 'double' } });
  assert.equal(old.data.field_type, 'double');
});

await check('v1: webhooks', async () => {
  const hooks = api1('WebhooksApi');
  const hook = await hooks.addWebhook({
    AddWebhookRequest: {
      subscription_url: 'http://localhost:9/hook', event_action: '*', event_object: 'deal', name: 'sync', version: '2.0',
    },
  });
  assert.equal(hook.data.is_active, 1);
  assert.equal((await hooks.getWebhooks()).data.length, 1);
  await hooks.deleteWebhook({ id: hook.data.id });
  const gone = await refused(hooks.deleteWebhook({ id: hook.data.id }));
  assert.deepEqual(gone.errors, { id: ['not found'] });
});

await check('OAuth: authorize, token, calls, refresh, revoke', async () => {
  const oauth = new v2.OAuth2Configuration({
    clientId: 'sandbox-client', clientSecret: 'sandbox-secret', redirectUri: 'http://localhost:9/callback', host: origin,
  });
  const answer = await fetch(oauth.authorizationUrl, { redirect: 'manual' });
  const code = new URL(answer.headers.get('location')).searchParams.get('code');
  const token = await oauth.authorize(code);
  assert.equal(token.api_domain, origin);
  oauth.updateToken(token);
  const configured = new v2.Configuration({ accessToken: oauth.getAccessToken, basePath: oauth.basePath });
  assert.equal(configured.basePath, `${origin}/api/v2`);
  assert.equal((await new v2.DealsApi(configured).getDeal({ id: known.deal })).data.id, known.deal);
  const refreshed = await oauth.tokenRefresh();
  assert.equal(refreshed.refresh_token, token.refresh_token);
  await oauth.revokeToken('refresh_token');
  assert.equal((await refused(new v2.DealsApi(configured).getDeals({}))).errorCode, 401);
});
