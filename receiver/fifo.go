package receiver

import "slices"

// fifo is a queue of jobs. The zero value is empty.
type fifo struct {
	jobs []*job
	head int
}

func (q *fifo) len() int { return len(q.jobs) - q.head }

// all gives the jobs in their order.
func (q *fifo) all() []*job { return q.jobs[q.head:] }

func (q *fifo) push(j *job) {
	if q.head > len(q.jobs)/2 && q.head >= 64 {
		q.jobs = slices.Delete(q.jobs, 0, q.head)
		q.head = 0
	}
	q.jobs = append(q.jobs, j)
}

// pop takes the first job, nil if there is none.
func (q *fifo) pop() *job {
	if q.len() == 0 {
		return nil
	}
	j := q.jobs[q.head]
	q.jobs[q.head] = nil
	if q.head++; q.head == len(q.jobs) {
		q.jobs, q.head = q.jobs[:0], 0
	}
	return j
}

// deleteFunc takes out the jobs for which f is true.
func (q *fifo) deleteFunc(f func(*job) bool) {
	kept := slices.DeleteFunc(q.jobs[q.head:], f)
	q.jobs = q.jobs[:q.head+len(kept)]
}
