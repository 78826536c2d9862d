package dashboard

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// revealJob shows a job with nothing hidden, or its payload as a file, to whoever says why.
func (d *Dashboard) revealJob(w http.ResponseWriter, r *http.Request, a *actor) {
	if err := r.ParseForm(); err != nil {
		d.serveProblem(w, r, errCutForm)
		return
	}
	v := d.view(r, a.frame(r.Context()), time.Now())
	name := r.PostForm.Get("queue")
	err := v.known(name)
	var j queue.JobInfo
	if err == nil {
		j, err = a.reveal(r, name, r.PostForm.Get("id"), field(r.PostForm, "reason"))
	}
	if errors.Is(err, errNoReason) {
		err = &refusal{http.StatusBadRequest, say("Nothing was revealed"), say("Say why: the reason goes into the journal.")}
	}
	if err != nil {
		d.serveProblem(w, r, err)
		return
	}
	if r.PostForm.Get("as") == "file" {
		// Whatever is in it, a browser keeps it and shows it as nothing but text.
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="`+fileName(name+"-"+j.ID)+`.txt"`)
		_, _ = w.Write(j.Payload)
		return
	}
	p := newJobPage(v, &j, wholePayload(j.Payload))
	p.Revealed = true
	d.show(w, r, "job", p)
}

// fileName leaves of a name what is safe in one.
func fileName(name string) string {
	const longest = 100
	name = strings.Map(func(c rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", c) {
			return c
		}
		return '_'
	}, name)
	return name[:min(len(name), longest)]
}
