// mechanism: Rotary bases per head (HARPE)
// paper: Breaking the Stage Barrier: A Novel Single-Stage Approach to Long Context Extension for Large Language Models (Lian et al., 2024)
// note: each key head turns with a base of its own; its query heads follow
//
// Bases from 1e6 upwards. In a group, queries and the shared key must turn alike, so the
// table has one entry per key head and elaboration gives each query head its key's base.
attn.spec @harpe {
  query_heads = 8, key_heads = 4,
  qk_size = 64,
  rope = #attn.rope<dims = 64, bases = [1000000.0, 1030000.0, 1060000.0, 1090000.0]>
}
