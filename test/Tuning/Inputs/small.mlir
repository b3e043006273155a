attn.spec @small {query_heads = 4, key_heads = 2, qk_size = 32, mask = #attn.mask<causal>, dtype = f32}
