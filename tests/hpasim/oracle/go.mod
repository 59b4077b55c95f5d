// Only says that this folder is a module. Each file in versions/ pins a Kubernetes release: go test -modfile versions/1.37.mod
module hpawalk.local/tests/oracle

go 1.25.0
