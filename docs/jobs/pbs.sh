#!/bin/bash
# PBS without PALS, with MPICH's Hydra: qsub pbs.sh
#PBS -l select=2:ncpus=64:mpiprocs=2 -l walltime=00:10:00
set -eu
cd "$PBS_O_WORKDIR"
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
mpiexec.hydra -f "$PBS_NODEFILE" -n 4 -ppn 2 python-mpi hello.py
