attn.spec @gqa {query_heads = 8, key_heads = 2, qk_size = 64}
