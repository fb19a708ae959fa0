"""How programs are computed: engines, device, threads, random state, memory."""
