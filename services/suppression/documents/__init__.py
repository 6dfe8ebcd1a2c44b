"""The shapes of what is stored, and the updates that change it. Pure: builds, never runs them.

A suppression is `{_id: "<place>:<address HMAC>", public_id, workspace_id, domain, stream, address_hmac, address, parts,
standing, beside, first_seen, last_seen, removed_at, removed_reason, removals, unpublished}`; `domain` or `stream` only
where its place is one. `parts` are the HMACs of what stands before and after the address's @.

`standing` is what suppresses the address now: of all lessons the one that counts longest, then ranks highest, then is
newest. That is a maximum, so lessons may come twice and in any order. Beside a complaint, which does not stop all
mail where a workspace wants so, `beside` is the same maximum of everything else.

A removal leaves a tombstone without the address and its parts: a lesson that occurred before `removed_at` changes
nothing. `removals` are the last of them: who, when, why, and what stood. Nor has an erasure's entry an address, parts,
evidence or removals: it goes on blocking by its HMAC alone, whatever is learned or added later.
"""
