// Grouped-query attention: eight query heads share two key and value heads, each of size 64.
attn.spec @gqa {query_heads = 8, key_heads = 2, qk_size = 64}
