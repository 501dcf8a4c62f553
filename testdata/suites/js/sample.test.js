const assert = require('node:assert');
const { describe, it, test } = require('node:test');

test('adds', () => assert.equal(1 + 1, 2));
test('multiplies', { skip: 'no time' }, () => assert.fail());
describe('halves', () => {
    it('divides', () => assert.equal(1 / 2, 0));
});
