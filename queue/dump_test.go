package queue_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dueq-io/dueq/queue"
)

// dump is all that the client's namespace holds, key by key: type, members, scores, and lists in their
// order. Two equal dumps are two keyspaces that are equal byte for byte.
func (h *harness) dump() map[string]string {
	h.t.Helper()
	out := map[string]string{}
	for _, key := range h.keys() {
		kind, err := h.rdb.Type(h.ctx, key).Result()
		h.ok(err)
		out[key] = kind + " " + h.value(kind, key)
	}
	return out
}

func (h *harness) keys() []string {
	h.t.Helper()
	keys, err := h.rdb.Keys(h.ctx, h.c.Namespace()+":*").Result()
	h.ok(err)
	// What programs say of themselves they say when they want to.
	keys = slices.DeleteFunc(keys, func(key string) bool { return strings.HasPrefix(key, h.c.Namespace()+":fleet") })
	slices.Sort(keys)
	return keys
}

func (h *harness) value(kind, key string) string {
	h.t.Helper()
	var b strings.Builder
	switch kind {
	case "hash":
		fields, err := h.rdb.HGetAll(h.ctx, key).Result()
		h.ok(err)
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			fmt.Fprintf(&b, "%q=%q ", field, fields[field])
		}
	case "zset":
		members, err := h.rdb.ZRangeWithScores(h.ctx, key, 0, -1).Result()
		h.ok(err)
		for _, z := range members {
			fmt.Fprintf(&b, "%v@%.0f ", z.Member, z.Score)
		}
	case "list":
		items, err := h.rdb.LRange(h.ctx, key, 0, -1).Result()
		h.ok(err)
		fmt.Fprintf(&b, "%q", items)
	case "set":
		members, err := h.rdb.SMembers(h.ctx, key).Result()
		h.ok(err)
		slices.Sort(members)
		fmt.Fprintf(&b, "%q", members)
	case "string":
		text, err := h.rdb.Get(h.ctx, key).Result()
		h.ok(err)
		fmt.Fprintf(&b, "%q", text)
	default:
		h.t.Fatalf("%s is a %s", key, kind)
	}
	return b.String()
}

// unchanged says that a call leaves every key as it was.
func (h *harness) unchanged(call func()) {
	h.t.Helper()
	before := h.dump()
	call()
	h.same(before, h.dump())
}

func (h *harness) same(before, after map[string]string) {
	h.t.Helper()
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if after[key] != before[key] {
			h.t.Errorf("%s was\n%.2000s\nand is\n%.2000s", key, before[key], after[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(after)) {
		if _, ok := before[key]; !ok {
			h.t.Errorf("%s is new: %s", key, after[key])
		}
	}
	if h.t.Failed() {
		h.t.FailNow()
	}
}

// traceless says that no key speaks of a job.
func (h *harness) traceless(id string) {
	h.t.Helper()
	for key, value := range h.dump() {
		if strings.Contains(value, id) {
			h.t.Fatalf("%s still speaks of %s: %s", key, id, value)
		}
	}
}

// key is the full name of one of the queue's keys.
func (h *harness) key(name string) string { return queue.KeysOf(h.c, sms)[name] }
