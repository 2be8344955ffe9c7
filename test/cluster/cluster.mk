# The cluster in a box, by hand: test/cluster/bed says what else it can do.
.PHONY: cluster-up cluster-down soak

cluster-up: ## bring up 4 nodes with Slurm in this machine, to try things on (test/cluster/bed)
	@tools/install.sh cluster
	@test/cluster/bed up $(NODES)
	@test/cluster/bed status

cluster-down: ## take them down again
	@test/cluster/bed down

soak: build ## strike POINTS=300 jobs at instants that follow from SEED, and prove that nothing is left; ranks 60 s apart; 56 nodes
	@tools/install.sh test
	@LATE_MS=60000 $(NODE) test/cluster/t0410-root.test.ts
	@$(NODE) test/soak/binary-tree.ts
	@$(NODE) test/soak/soak.ts
