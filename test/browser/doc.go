// Package browser looks at the dashboard with a real Chromium, which has to be installed.
package browser
