attn.spec @grouped {query_heads = 4, key_heads = 2, qk_size = 16}
